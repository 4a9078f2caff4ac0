#!/usr/bin/env python3
"""Predicts on a Spark cluster: passes each line of INPUT to a process, which answers with one line.

    spark-submit scripts/predict_on_spark.py INPUT OUTPUT EXECUTABLE predict - --json --weights FILE

Spark starts one process per partition and writes the folder OUTPUT, with part files in the order of
INPUT. If a process or a worker is lost, Spark repeats its partition on another.
"""

import shlex
import sys

from pyspark.sql import SparkSession


def main():
    if len(sys.argv) < 4:
        print("error: expected INPUT OUTPUT COMMAND…", file=sys.stderr)
        sys.exit(2)
    lines, output, *command = sys.argv[1:]
    spark = SparkSession.builder.appName("final-layer predict").getOrCreate()
    context = spark.sparkContext
    partitions = context.textFile(lines, context.defaultParallelism)
    # With checkCode a process that fails makes its partition fail; without it, its answers would be
    # lost in silence.
    partitions.pipe(shlex.join(command), checkCode=True).saveAsTextFile(output)
    spark.stop()


if __name__ == "__main__":
    main()
