/** Several processes that are one service: NODES of them, behind a front. */
export const rows = [];
