"""A script in the style of nanoGPT: global variables, a configurator, iterations; the text is made up, the model tiny."""

import os
import time

import torch
from torch import nn
from torch.nn import functional as F

# -----------------------------------------------------------------------------
out_dir = 'out'
eval_interval = 10
log_interval = 5
eval_iters = 4
always_save_checkpoint = False
# data
batch_size = 16
block_size = 8
# model
n_embd = 16
dropout = 0.0
bias = False
# adamw optimizer
learning_rate = 6e-4
max_iters = 40
weight_decay = 1e-1
# system
device = 'cpu'
compile = False
# -----------------------------------------------------------------------------
config_keys = [k for k, v in globals().items() if not k.startswith('_') and isinstance(v, (int, float, bool, str))]
exec(open('configurator.py').read())  # overrides from command line or config file
config = {k: globals()[k] for k in config_keys}
# -----------------------------------------------------------------------------

os.makedirs(out_dir, exist_ok=True)
torch.manual_seed(1337)
text = 'the quick brown fox jumps over the lazy dog. ' * 60
letters = sorted(set(text))
data = torch.tensor([letters.index(c) for c in text])
splits = {'train': data[: len(data) * 9 // 10], 'val': data[len(data) * 9 // 10:]}


class GPT(nn.Module):
    def __init__(self):
        super().__init__()
        self.wte = nn.Embedding(len(letters), n_embd)
        self.wpe = nn.Embedding(block_size, n_embd)
        self.block = nn.TransformerEncoderLayer(n_embd, 2, 4 * n_embd, dropout, batch_first=True, bias=bias)
        self.lm_head = nn.Linear(n_embd, len(letters), bias=bias)

    def forward(self, idx, targets):
        t = idx.shape[1]
        x = self.wte(idx) + self.wpe(torch.arange(t))
        x = self.block(x, src_mask=nn.Transformer.generate_square_subsequent_mask(t), is_causal=True)
        return F.cross_entropy(self.lm_head(x).flatten(0, 1), targets.flatten())


def get_batch(split):
    ix = torch.randint(len(splits[split]) - block_size - 1, (batch_size,))
    x = torch.stack([splits[split][i: i + block_size] for i in ix])
    return x, torch.stack([splits[split][i + 1: i + 1 + block_size] for i in ix])


@torch.no_grad()
def estimate_loss():
    model.eval()
    out = {split: torch.stack([model(*get_batch(split)) for _ in range(eval_iters)]).mean() for split in splits}
    model.train()
    return out


model = GPT()
print("number of parameters: %.2fM" % (sum(p.numel() for p in model.parameters()) / 1e6,))
optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=weight_decay)
iter_num, best_val_loss, t0, running_mfu = 0, 1e9, time.time(), -1.0
while True:
    if iter_num % eval_interval == 0:
        losses = estimate_loss()
        print(f"step {iter_num}: train loss {losses['train']:.4f}, val loss {losses['val']:.4f}")
        if losses['val'] < best_val_loss or always_save_checkpoint:
            best_val_loss = losses['val']
            if iter_num > 0:
                print(f"saving checkpoint to {out_dir}")
                torch.save(model.state_dict(), os.path.join(out_dir, 'ckpt.pt'))
    loss = model(*get_batch('train'))
    loss.backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    t1 = time.time()
    dt, t0 = t1 - t0, t1
    if iter_num % log_interval == 0:
        print(f"iter {iter_num}: loss {loss.item():.4f}, time {dt*1000:.2f}ms, mfu {running_mfu*100:.2f}%")
    iter_num += 1
    if iter_num > max_iters:
        break
