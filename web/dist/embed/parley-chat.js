import"./sdk-BFc1dO25.js";import{Q as a}from"./parley-chat-DRqnsMcM.js";export{a as ParleyChat};
