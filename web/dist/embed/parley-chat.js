import{R as a}from"./parley-chat-DWtJEZRV.js";import"./sdk-DGbO4Zx8.js";export{a as ParleyChat};
