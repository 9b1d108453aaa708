import './parley-chat';
