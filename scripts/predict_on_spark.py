#!/usr/bin/env python3
"""Predicts on a Spark cluster: every line of INPUT goes to a process that answers it with a line.

    spark-submit scripts/predict_on_spark.py INPUT OUTPUT EXECUTABLE predict - --json --weights FILE

One process a partition. OUTPUT becomes a folder of part files, in the order of INPUT. A process or
a worker that is lost has its partition done again by another.
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
    # checkCode: a process that fails fails its partition, and is not taken for one without answers.
    partitions.pipe(shlex.join(command), checkCode=True).saveAsTextFile(output)
    spark.stop()


if __name__ == "__main__":
    main()
