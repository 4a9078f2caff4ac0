#!/usr/bin/env python3
import in_venv

in_venv.torch2tch("compare-traces")
