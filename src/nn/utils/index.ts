/** `torch.nn.utils`. https://pytorch.org/docs/stable/nn.html#utilities */
export {};
