"""Sequences of different lengths in one [N, D], and attention within each."""
import numpy as np
import torch
import torch.nn.functional as F

try:
    from torch.nn.attention.varlen import varlen_attn
except ImportError:
    varlen_attn = None

LARGEST_FLASH_HEAD = 256


class Packing:
    """Where sequences of these lengths lie behind each other."""

    def __init__(self, lengths, device):
        lengths = np.asarray(lengths, np.int64)
        self.count, self.longest = len(lengths), int(lengths.max())
        self.starts = np.concatenate([[0], np.cumsum(lengths)])
        self.sequence = np.repeat(np.arange(self.count), lengths)          # of each row
        self.place = np.arange(self.starts[-1]) - self.starts[self.sequence]  # of each row in its sequence
        self.offsets = torch.from_numpy(self.starts.astype(np.int32)).to(device)
        self.padded = torch.from_numpy(self.sequence * self.longest + self.place).to(device)


def attention(query, key, value, packing):
    """[N, H, Dh] each; every sequence attends to itself."""
    size = query.shape[-1]
    if varlen_attn is not None and query.dtype == torch.bfloat16 and query.is_cuda and size <= LARGEST_FLASH_HEAD:
        return varlen_attn(query, key, value, packing.offsets, packing.offsets, packing.longest, packing.longest)

    def pad(x):
        out = x.new_zeros(packing.count * packing.longest, *x.shape[1:]).index_copy(0, packing.padded, x)
        return out.view(packing.count, packing.longest, *x.shape[1:]).transpose(1, 2)

    there = torch.zeros(packing.count * packing.longest, dtype=torch.bool, device=query.device)
    there[packing.padded] = True
    mask = there.view(packing.count, 1, 1, packing.longest)
    context = F.scaled_dot_product_attention(pad(query), pad(key), pad(value), attn_mask=mask)
    return context.transpose(1, 2).flatten(0, 1)[packing.padded]
