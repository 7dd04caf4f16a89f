/** `torch.utils.data`. https://pytorch.org/docs/stable/data.html */
export {};
