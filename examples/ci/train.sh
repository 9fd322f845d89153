#!/bin/sh
# Stands for your training.
set -eu
echo "training on $GPUJOB_PLATFORM"
echo "trained" >model.txt
