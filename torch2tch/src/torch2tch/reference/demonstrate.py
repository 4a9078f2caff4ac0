"""The document's demonstration: a network's answer to a random input."""

import torch

from torch2tch.reference import common


def main() -> None:
    args = common.parser(__doc__).parse_args()
    task = common.task(args.network, "draw_input", "report")
    with torch.no_grad():
        model = common.build(task, args.seed, args.device, args.threads, args.weights).eval()
        input = task.draw_input(1)
        input = common.map_tensors(lambda part: part.to(args.device), input)
        task.report(common.call(model, input))


if __name__ == "__main__":
    main()
