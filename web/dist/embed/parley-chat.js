import"./sdk-BFc1dO25.js";import{P as a}from"./parley-chat-BuY8QOit.js";export{a as ParleyChat};
