# neatfool with the CPU build of PyTorch, and with networks that know ImageNet.
#
#     docker build -t neatfool .
#     docker run --rm -v "$PWD:/work" --user "$(id -u):$(id -g)" neatfool experiments copy mnist
#     docker run --rm -v "$PWD:/work" --user "$(id -u):$(id -g)" neatfool run experiments/mnist.ini
#
# The current folder is /work in the container: experiments are read there, and runs are left there.
FROM python:3.13-slim

# First PyTorch, so that a change of neatfool does not install it again.
RUN pip install --no-cache-dir --index-url https://download.pytorch.org/whl/cpu \
    "torch>=2.6" "torchvision>=0.21"

COPY . /tmp/neatfool
RUN pip install --no-cache-dir "/tmp/neatfool[imagenet,http,serve]" && rm -r /tmp/neatfool

# Any user may run it, so caches go where any user may write.
ENV HOME=/home/neatfool NUMBA_CACHE_DIR=/home/neatfool/numba MPLCONFIGDIR=/home/neatfool/matplotlib
RUN mkdir -p /home/neatfool /work && chown 65534 /home/neatfool /work && chmod 777 /home/neatfool /work
USER 65534
WORKDIR /work

# Compile what draws the images, and show that it works, while the image is built.
RUN neatfool experiments copy mnist . && neatfool run mnist.ini --no-report && \
    neatfool verify runs/mnist-1 && rm -r mnist.ini runs && chmod -R a+rwX /home/neatfool

ENTRYPOINT ["neatfool"]
CMD ["--help"]
