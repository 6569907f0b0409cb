// A certificate for 127.0.0.1 and localhost that signs itself, for servers that tests start. Anybody may know its key: it protects nothing.
// Made with: openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 -subj /CN=loopback
//   -addext subjectAltName=IP:127.0.0.1,DNS:localhost

export const LOOPBACK_KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgpc3dOsUMP7mjzUT/
tDddxuaRsFda5XS5wj0MmM0MTfihRANCAAQry7HTiM5EjpO2D0eIaKZptIXVRQio
n4Hi/7/EJg4PqaokuZs1l0nSKU529dc0NcSIVzzG9CztemURg8L/EgRZ
-----END PRIVATE KEY-----
`

export const LOOPBACK_CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBmTCCAT+gAwIBAgIUUGcmIxIqTU3/NMOX8EDYmmzD5lMwCgYIKoZIzj0EAwIw
EzERMA8GA1UEAwwIbG9vcGJhY2swIBcNMjYxMTIxMTAwNjA1WhgPMjEyNjEwMjgx
MDA2MDVaMBMxETAPBgNVBAMMCGxvb3BiYWNrMFkwEwYHKoZIzj0CAQYIKoZIzj0D
AQcDQgAEK8ux04jORI6Ttg9HiGimabSF1UUIqJ+B4v+/xCYOD6mqJLmbNZdJ0ilO
dvXXNDXEiFc8xvQs7XplEYPC/xIEWaNvMG0wHQYDVR0OBBYEFEeyQN7V7nlbZRSE
O8FCJqPQ7hWvMB8GA1UdIwQYMBaAFEeyQN7V7nlbZRSEO8FCJqPQ7hWvMA8GA1Ud
EwEB/wQFMAMBAf8wGgYDVR0RBBMwEYcEfwAAAYIJbG9jYWxob3N0MAoGCCqGSM49
BAMCA0gAMEUCIClssZ3lmoeFiCaVLo9yZbAJ6FqwcRSQhpv8F4ay/P6LAiEAjc/i
yeW0gi75i++dHdydTpvNUk10yWWb3NwFjpONvQE=
-----END CERTIFICATE-----
`
