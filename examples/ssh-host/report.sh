#!/bin/sh
# What a job sees on a host. Put your training here.
set -eu
{
  echo "host    $(uname -n), $(uname -m)"
  echo "run     $GPUJOB_RUN_ID, attempt $GPUJOB_ATTEMPT on $GPUJOB_PLATFORM"
  echo "cards   ${CUDA_VISIBLE_DEVICES:-none}"
  nvidia-smi --query-gpu=name,memory.total --format=csv,noheader 2>/dev/null || echo "no nvidia-smi here"
} | tee report.txt
