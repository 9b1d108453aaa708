import{R as a}from"./parley-chat-2GOOCQwR.js";import"./sdk-DGbO4Zx8.js";export{a as ParleyChat};
