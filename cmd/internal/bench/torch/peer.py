#!/usr/bin/env python3
"""PyTorch's side of bench: the same work as govae's, as fast as we can make it.

Usage: peer.py DIR, where DIR holds MNIST's four gzipped files. Reads commands from
standard input, a word and key=value pairs a line, and answers each with a line of
JSON: see side.go and worker.go for what they mean. The environment is set by
main.go: the OpenMP build of OpenBLAS, two threads that spin (OMP_WAIT_POLICY),
AVX-512, and a heap that keeps freed memory (4 to 10 % faster).

What was tried, PyTorch 1.13, two cores; the faster one stands below.
  loss        softplus(l) - x·l, against binary_cross_entropy_with_logits: 3 % faster at
              batch 128, 8 % at 1000; an autograd.Function of our own: within 1 % of it
  draws       uniform_().lt_(p), against bernoulli(p): 3 % faster; rand_like() < p and
              random 16-bit integers lie between
  heads       one layer for mu and logvar, against two: 4 % faster
  Adam        one tensor at a time, against foreach: 2 to 5 % faster; all parameters in one
              flat tensor: no gain
  data        bytes, made floats a batch: as fast as floats, a quarter of the memory
  gradients   zero_grad(set_to_none), against zeroing: 5 % faster
  jit.trace   4 % slower; in the forward pass, with optimize_for_inference, 15 % slower
  oneDNN      to_mkldnn in the forward pass: 2 % slower
  no gain     OMP_PROC_BIND, GOMP_SPINCOUNT, OPENBLAS_CORETYPE
  rows        at a time in inference: 100 to all were tried
"""
import gzip
import json
import os
import struct
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


def images(name):
    """The images of a file [n,784], grey values 0 to 255."""
    with gzip.open(os.path.join(sys.argv[1], name + "-images-idx3-ubyte.gz")) as f:
        raw = np.frombuffer(f.read(), np.uint8, offset=16)
    return torch.from_numpy(raw.reshape(-1, 784).copy())


class VAE(nn.Module):
    def __init__(self, hidden, latent, activation):
        super().__init__()
        sizes = [784] + hidden
        self.enc = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))
        self.heads = nn.Linear(sizes[-1], 2 * latent)  # mu and logvar
        sizes = [latent] + hidden[::-1]
        self.dec = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))
        self.out = nn.Linear(sizes[-1], 784)
        self.act = {"relu": F.relu_, "tanh": torch.tanh}[activation]

    def encode(self, x):
        for layer in self.enc:
            x = self.act(layer(x))
        return self.heads(x).chunk(2, 1)

    def decode(self, z):
        for layer in self.dec:
            z = self.act(layer(z))
        return self.out(z)

    def loss(self, x):
        """−ELBO in nats per image."""
        mu, logvar = self.encode(x)
        logits = self.decode(mu + torch.exp(0.5 * logvar) * torch.randn_like(mu))
        distortion = F.softplus(logits).sum() - torch.dot(logits.view(-1), x.view(-1))
        rate = 0.5 * (mu.pow(2) + logvar.exp() - 1 - logvar).sum()
        return (distortion + rate) / len(x)


class Peer:
    def __init__(self):
        self.sets = {}
        self.command = None

    def set(self, name):
        if name not in self.sets:
            self.sets[name] = images(name)
        return self.sets[name]

    def info(self, command, a):
        with open("/proc/self/maps") as f:
            blas = {"/".join(line.split()[-1].split("/")[-2:]) for line in f if "blas" in line}
        blas = " ".join(sorted(p for p in blas if "libopenblas" in p) or sorted(blas))
        return {"version": f"PyTorch {torch.__version__} with {blas}, {torch.get_num_threads()} threads"}

    def restore(self, path):
        """Starts from the weights of a model of govae's, a safetensors file."""
        with open(path, "rb") as f:
            (n,) = struct.unpack("<Q", f.read(8))
            header, data = json.loads(f.read(n)), f.read()

        def tensor(name):
            t = header[name]
            return torch.from_numpy(np.frombuffer(data[slice(*t["data_offsets"])], np.float32).reshape(t["shape"]).copy())

        for kind in "weight", "bias":
            state = {f"heads.{kind}": torch.cat([tensor(f"encoder.{h}.{kind}") for h in ("mu", "logvar")]),
                     f"out.{kind}": tensor(f"decoder.output.{kind}")}
            for i in range(len(self.model.enc)):
                state[f"enc.{i}.{kind}"] = tensor(f"encoder.hidden.{i}.{kind}")
                state[f"dec.{i}.{kind}"] = tensor(f"decoder.hidden.{i}.{kind}")
            unknown = self.model.load_state_dict(state, strict=False).unexpected_keys
            assert not unknown, unknown

    def start(self, a):
        torch.manual_seed(int(a.get("seed", 1)))
        self.model = VAE([int(h) for h in a["hidden"].split(",")], int(a["latent"]), a["activation"])
        if "init" in a:
            self.restore(a["init"])
        self.adam = torch.optim.Adam(self.model.parameters(), lr=1e-3, foreach=False)

    def step(self, grey):
        p = grey.float().mul_(1 / 255)
        x = torch.empty_like(p).uniform_().lt_(p)
        self.adam.zero_grad(set_to_none=True)
        loss = self.model.loss(x)
        loss.backward()
        self.adam.step()
        return loss.item()

    def epoch(self, command, a):
        train = self.set("train")[: int(a["limit"])]
        if command != self.command:
            self.command = command
            self.start(a)
        start = time.perf_counter()
        total = 0.0
        for index in torch.randperm(len(train)).split(int(a["batch"])):
            total += self.step(train.index_select(0, index)) * len(index)
        return {"seconds": time.perf_counter() - start, "value": total / len(train)}

    whole = epoch

    def first(self, command, a):
        train, _ = self.set("train"), self.set("t10k")
        self.start(a)
        return {"value": self.step(train.index_select(0, torch.randperm(len(train))[: int(a["batch"])]))}

    @torch.inference_mode()
    def forward(self, command, a):
        x = self.set("t10k")[: int(a["n"])].float().div_(255)
        start = time.perf_counter()
        for _ in range(int(a["repeat"])):
            out = torch.empty_like(x)
            for rows, to in zip(x.split(FORWARD), out.split(FORWARD)):
                torch.sigmoid(self.model.decode(self.model.encode(rows)[0]), out=to)
        return {"seconds": (time.perf_counter() - start) / int(a["repeat"]), "value": out.mean().item()}

    @torch.inference_mode()
    def loglik(self, command, a):
        n, k = int(a["n"]), int(a["k"])
        images = (self.set("t10k")[:n] > 127).float()
        start = time.perf_counter()
        mu, logvar = self.model.encode(images)
        logp = []
        for x, m, lv in zip(images, mu, logvar):
            weights = []
            for lo in range(0, k, DRAWS):
                eps = torch.randn(min(DRAWS, k - lo), len(m))
                z = m + torch.exp(0.5 * lv) * eps
                logits = self.model.decode(z)
                distortion = F.softplus(logits).sum(1) - logits @ x
                weights.append(0.5 * (eps.pow(2) + lv - z.pow(2)).sum(1) - distortion)
            logp.append(torch.logsumexp(torch.cat(weights), 0) - np.log(k))
        return {"seconds": time.perf_counter() - start, "value": torch.stack(logp).mean().item()}


FORWARD, DRAWS = 1000, 1000  # rows at a time: what fits the caches best


def main():
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    torch.set_flush_denormal(True)  # before the first parallel region, whose threads inherit it
    peer = Peer()
    for line in sys.stdin:
        word, *rest = line.split()
        args = dict(kv.split("=", 1) for kv in rest)
        try:
            answer = getattr(peer, word)(line, args)
        except Exception as e:
            answer = {"error": repr(e)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
