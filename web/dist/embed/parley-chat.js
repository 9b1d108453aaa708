import{R as a}from"./parley-chat-D29Y1yin.js";import"./sdk-DPMU91KZ.js";export{a as ParleyChat};
