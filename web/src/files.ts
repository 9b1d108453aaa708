/** What shows the files of messages: loaded with the first message that has one. */
import './media';
import './voice';
