#!/usr/bin/env python3
"""The same variational autoencoder in PyTorch, as the second opinion of govae's tests.

  vae.py record OUT          train a small model for ten Adam steps on IMAGES and
         IMAGES              write all that went in and came out to OUT
  vae.py check MODEL DATA    load a model that govae saved, evaluate the images in
                             DATA at the noise in DATA, compare with the rate and
                             distortion in DATA
  vae.py iwae MODEL DATA     the same for the importance-weighted estimate of log p(x)
                             and the effective sample size

IMAGES, OUT, MODEL and DATA are safetensors files. Needs torch and numpy, nothing else.
"""
import json
import struct
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

DTYPES = {"F32": np.float32, "F64": np.float64, "U8": np.uint8, "I64": np.int64}


def load(path):
    """Reads a safetensors file: its tensors and its metadata."""
    with open(path, "rb") as f:
        (n,) = struct.unpack("<Q", f.read(8))
        header = json.loads(f.read(n))
        data = f.read()
    meta = header.pop("__metadata__", {})
    tensors = {}
    for name, t in header.items():
        lo, hi = t["data_offsets"]
        tensors[name] = np.frombuffer(data[lo:hi], DTYPES[t["dtype"]]).reshape(t["shape"])
    return tensors, meta


def save(path, tensors):
    """Writes a safetensors file."""
    header, data = {}, b""
    names = {np.dtype(v): k for k, v in DTYPES.items()}
    for name, t in sorted(tensors.items(), key=lambda kv: (-kv[1].dtype.itemsize, kv[0])):
        t = np.ascontiguousarray(t)
        raw = t.tobytes()
        header[name] = {"dtype": names[t.dtype], "shape": list(t.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


class VAE(nn.Module):
    """PyTorch's examples/vae, with sizes and activation of one's choice."""

    def __init__(self, pixels, hidden, latent, activation="relu"):
        super().__init__()
        sizes = [pixels] + hidden
        self.enc = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))
        self.mu = nn.Linear(sizes[-1], latent)
        self.logvar = nn.Linear(sizes[-1], latent)
        sizes = [latent] + hidden[::-1]
        self.dec = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))
        self.out = nn.Linear(sizes[-1], pixels)
        self.act = {"relu": F.relu, "tanh": torch.tanh, "softplus": F.softplus}[activation]

    def forward(self, x, eps):
        h = x
        for layer in self.enc:
            h = self.act(layer(h))
        mu, logvar = self.mu(h), self.logvar(h)
        h = mu + torch.exp(0.5 * logvar) * eps
        for layer in self.dec:
            h = self.act(layer(h))
        return mu, logvar, self.out(h)


def terms(x, mu, logvar, logits):
    """Distortion and rate of each image, in nats."""
    distortion = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1)
    rate = -0.5 * (1 + logvar - mu.pow(2) - logvar.exp()).sum(1)
    return distortion, rate


def rename(name):
    """PyTorch's name of a parameter to govae's."""
    for ours, theirs in (("enc.", "encoder.hidden."), ("mu.", "encoder.mu."), ("logvar.", "encoder.logvar."),
                         ("dec.", "decoder.hidden."), ("out.", "decoder.output.")):
        if name.startswith(ours):
            return theirs + name[len(ours):]
    raise KeyError(name)


def record(out, images):
    torch.manual_seed(1)
    batches, batch, hidden, latent = 10, 8, [24], 5
    x = torch.from_numpy(load(images)[0]["images"].astype(np.float32)).reshape(batches, batch, -1)
    eps = torch.randn(batches, batch, latent)
    model = VAE(x.shape[2], hidden, latent)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    tensors = {"x": x.numpy().astype(np.uint8), "eps": eps.numpy()}
    for name, p in model.named_parameters():
        tensors["weight." + rename(name)] = p.detach().numpy().copy()
    losses = []
    for step in range(batches):
        mu, logvar, logits = model(x[step], eps[step])
        distortion, rate = terms(x[step], mu, logvar, logits)
        loss = (distortion + rate).mean()
        optimiser.zero_grad()
        loss.backward()
        losses.append(loss.item())
        if step == 0:
            tensors.update(mu=mu.detach().numpy(), logvar=logvar.detach().numpy(), logits=logits.detach().numpy(),
                           distortion=distortion.detach().numpy(), rate=rate.detach().numpy())
            for name, p in model.named_parameters():
                tensors["grad." + rename(name)] = p.grad.numpy().copy()
        optimiser.step()
    tensors["losses"] = np.array(losses, np.float32)
    save(out, tensors)


def restore(path):
    """The model that govae saved."""
    tensors, meta = load(path)
    cfg = json.loads(meta["govae.model"])
    model = VAE(cfg["rows"] * cfg["cols"], cfg["hidden"], cfg["latent"], cfg["activation"])
    names = {rename(name): name for name in model.state_dict()}
    model.load_state_dict({names[n]: torch.from_numpy(t.copy()) for n, t in tensors.items()})
    return model


def check(path, data):
    model = restore(path)
    d, _ = load(data)
    x, eps = torch.from_numpy(d["x"].copy()), torch.from_numpy(d["eps"].copy())
    with torch.no_grad():
        distortion, rate = terms(x, *model(x, eps))
    bad = False
    for name, theirs, ours in (("distortion", distortion, d["distortion"]), ("rate", rate, d["rate"])):
        worst = np.max(np.abs(theirs.numpy() - ours) / np.abs(ours))
        print(f"{name}: torch {theirs.mean():.4f}, govae {ours.mean():.4f}, largest relative difference {worst:.1e}")
        bad |= not worst <= 1e-4
    sys.exit(bad)


def iwae(path, data):
    """log 1/k sum_i p(x|z_i) p(z_i) / q(z_i|x), in double precision."""
    model = restore(path).double()
    d, _ = load(data)
    x, eps = torch.from_numpy(d["x"].copy()).double(), torch.from_numpy(d["eps"].copy()).double()  # [n,X], [n,k,Z]
    n, k, latent = eps.shape
    with torch.no_grad():
        x = x.repeat_interleave(k, 0)
        mu, logvar, logits = model(x, eps.reshape(n * k, latent))
        std = torch.exp(0.5 * logvar)
        z = mu + std * eps.reshape(n * k, latent)
        log_p = torch.distributions.Bernoulli(logits=logits).log_prob(x).sum(1) + torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(1)
        log_w = (log_p - torch.distributions.Normal(mu, std).log_prob(z).sum(1)).reshape(n, k)
        logp = torch.logsumexp(log_w, 1) - np.log(k)
        ess = 1 / torch.softmax(log_w, 1).pow(2).sum(1)
    worst = np.max(np.abs(logp.numpy() - d["logp"]))
    worst_ess = np.max(np.abs(ess.numpy() - d["ess"]))
    print(f"k={k}: torch {logp.mean():.6f}, govae {d['logp'].mean():.6f}, largest difference {worst:.1e} nats, {worst_ess:.1e} of the effective sample size")
    sys.exit(not (worst <= 1e-3 and worst_ess <= 1e-3 * k))


if __name__ == "__main__":
    commands = {"record": record, "check": check, "iwae": iwae}
    if len(sys.argv) != 4 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    commands[sys.argv[1]](*sys.argv[2:])
