# An environment with the versions of constraints.txt, in which a clone of the project runs (docs/install.md):
#   docker build --tag priming .
#   docker run --rm --user "$(id -u):$(id -g)" --volume "$PWD:/study" priming run config.yaml -- --cores 2
# For GPUs, name torch's index of CUDA builds: --build-arg TORCH_INDEX=..., and run with --gpus all.
FROM python:3.11-slim

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV OMP_NUM_THREADS=1 HOME=/tmp

RUN apt-get update \
    && apt-get install --yes --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /priming
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src/ src/
RUN pip install --no-cache-dir --extra-index-url "$TORCH_INDEX" --constraint constraints.txt '.[slurm]'

WORKDIR /study
ENTRYPOINT ["priming"]
CMD ["--help"]
