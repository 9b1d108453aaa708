import{R as a}from"./parley-chat-0Rhfx8AZ.js";import"./sdk-DPMU91KZ.js";export{a as ParleyChat};
