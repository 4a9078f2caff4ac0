"""A process's part where several train one network: its share of each batch, the mean gradient.

The batches are those of one process, in `DataLoader(shuffle=True)`'s order: every process draws the
same order from the same seed, and takes its own samples of each batch. `DistributedSampler` would
not do: it shuffles in an order of its own, and fills up short batches with samples seen before.
"""

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, default_collate


class Share:
    """Of each batch the samples of one process, as even as it goes; for the last batch of an epoch
    there may be none."""

    def __init__(self, batches, rank, processes):
        self.batches, self.rank, self.processes = batches, rank, processes
        # The size of the whole batch that the last share is of.
        self.whole = 0

    def __iter__(self):
        for batch in self.batches:
            self.whole = len(batch)
            start, end = (
                self.whole * rank // self.processes for rank in (self.rank, self.rank + 1)
            )
            yield batch[start:end]

    def __len__(self):
        return len(self.batches)


class OneOfSeveral:
    """What `train.Alone` does, for one of several processes."""

    def __init__(self, rank, processes, device):
        self.rank, self.processes, self.device = rank, processes, device

    def loader(self, samples, batch_size):
        batches = BatchSampler(RandomSampler(samples), batch_size, drop_last=False)
        self.share = Share(batches, self.rank, self.processes)
        self.sizes = [len(part) for part in torch.arange(len(samples)).split(batch_size)]

        def collate(share):
            return default_collate(share) if share else [whole[:0] for whole in samples.tensors]

        # Without workers a share is taken from the sampler right before it is trained on.
        return DataLoader(samples, batch_sampler=self.share, collate_fn=collate)

    def model(self, model):
        """The model, the gradients of which become the mean of all processes'."""
        return DistributedDataParallel(model)

    def loss(self, loss):
        """The loss of a share, weighed by its size: the mean of all processes' is the loss of the
        whole batch, and so are the gradients. The weight of an even share is 1."""

        def weighed(output, target):
            if len(target) == 0:
                # The mean over no samples is NaN; what they add to the whole is 0.
                return output.sum()
            return loss(output, target) * (len(target) * self.processes / self.share.whole)

        return weighed

    def together(self, losses, _):
        """The losses of the whole batches, and the sum of all samples' losses."""
        losses = torch.tensor(losses, dtype=torch.float64, device=self.device)
        dist.all_reduce(losses)
        losses = (losses / self.processes).tolist()
        total = 0.0
        for loss, size in zip(losses, self.sizes):
            total += loss * size
        return losses, total
