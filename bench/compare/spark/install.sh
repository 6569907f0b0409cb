#!/bin/sh
# Installs Spark's jars (about 520 MB) where bench/compare/spark.ts looks for them. Needs python3 with venv; running the bench needs a JDK 17 too.
# TIDEMARK_SPARK_VENV names another place, or one that has them already: then nothing is done.
set -eu
version=4.1.4
root=$(cd "$(dirname "$0")/../../.." && pwd)
venv=${TIDEMARK_SPARK_VENV:-$root/.cache/spark-$version}

# The jars' own names tell the version: a venv with another Spark is not taken for this one.
found=$(find "$venv/lib" -path "*/pyspark/jars/spark-sql_2.13-$version.jar" 2>/dev/null | head -n 1)
if [ -n "$found" ]; then
  echo "Spark $version is in $venv"
  exit 0
fi
python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check "pyspark==$version"
echo "Spark $version was installed into $venv"
