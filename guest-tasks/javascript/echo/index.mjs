// The smallest task: answers with its event. Benchmarks measure the host with it.

export const handler = async (event) => event;
