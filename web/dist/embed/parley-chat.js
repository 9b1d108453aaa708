import"./sdk-BFc1dO25.js";import{P as a}from"./parley-chat-CNtnriZ0.js";export{a as ParleyChat};
