/** `torch.optim`. https://pytorch.org/docs/stable/optim.html */
export {};
