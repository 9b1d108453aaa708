import{R as a}from"./parley-chat-D_o4c6V-.js";import"./sdk-DPMU91KZ.js";export{a as ParleyChat};
