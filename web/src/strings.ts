import type { signInEnglish } from './sign-in-strings';

/**
 * Every word that the widget says, but those of sign-in-strings.ts, which are loaded with what says
 * them. A page may set its own: `element.strings = {send: 'Senden'}`.
 * `{name}` stands for what is put there. Those marked NAME are accessible names, which tests and
 * people who use a screen reader rely on.
 */
export const english = {
    // The whole
    chat: 'Chat', // NAME
    conversations: 'Conversations', // NAME
    connecting: 'Connecting…',
    offline: 'You’re offline. Messages will send when you reconnect.',
    stopped: 'Not connected.',
    tryAgain: 'Try again',
    loadPartFailed: 'A part of this chat could not be loaded. Reload the page if it stays so.',
    close: 'Close', // NAME
    cancel: 'Cancel',
    back: 'Back', // NAME
    signOut: 'Sign out', // NAME
    copyAddress: 'Copy address', // NAME
    copied: 'Copied',
    copyFailed: 'This page may not copy.',
    account: 'Account', // NAME
    yourAddress: 'Your address',
    tokenRefused: 'You are not signed in on this site.',
    tokenFailed: 'This site could not sign you in ({reason}).',
    tokenUnreachable: 'no answer',
    tokenMalformed: 'no token in the answer',
    toWrong: 'The address of this chat is not a wallet’s.',
    toOwn: 'This is your own address: open this page with another wallet.',

    // List
    newChat: 'New chat', // NAME
    newChatLabel: 'Wallet address', // NAME
    newChatHint: '0x… or solana:…',
    newChatOpen: 'Open chat', // NAME
    newChatWrong: 'Not a valid address. Paste the whole address: 0x and 40 characters, or solana:…',
    newChatOwn: 'This is your own address.',
    requests: 'Requests', // NAME
    requestsCount: '{n} from new wallets',
    noRequests: 'No requests',
    noConversations: 'No conversations yet',
    noConversationsText: 'Paste a wallet’s address above to start one.',
    pickConversation: 'Choose a conversation',
    startConversation: 'Your messages will appear here.',
    unread: '{n} unread',
    you: 'You: {text}',
    olderConversations: 'Show more',

    // Thread
    messages: 'Messages', // NAME
    noMessages: 'No messages yet. Say hello.',
    loading: 'Loading messages…',
    notLoaded: 'The messages could not be loaded.',
    loadingOlder: 'Loading older messages…',
    loadFailed: 'Older messages could not be loaded.',
    beginning: 'This is the beginning of your conversation.',
    today: 'Today',
    yesterday: 'Yesterday',
    newMessages: 'New messages',
    toNewest: 'Newest messages', // NAME
    online: 'Online',
    lastSeen: 'Last seen {when}',
    typing: 'typing…',
    more: 'More', // NAME
    block: 'Block', // NAME
    unblock: 'Unblock', // NAME
    blockTitle: 'Block {name}?',
    blockText: 'You won’t receive anything from this wallet. They won’t be told.',
    blocked: 'You have blocked this wallet.',
    requestTitle: '{name} wants to chat.',
    requestText: 'Until you accept, they can’t see when you’re online, typing, or have read.',
    accept: 'Accept', // NAME

    // A message
    sending: 'Sending', // NAME, like those below, of a message's state
    queued: 'Waiting',
    uploading: 'Uploading {percent} %',
    sent: 'Sent',
    delivered: 'Delivered',
    read: 'Read',
    failed: 'Failed',
    notSent: 'Not sent.',
    percent: '{percent} %',
    retry: 'Retry', // NAME
    discard: 'Discard', // NAME
    yourself: 'You',
    said: '{name}, {when}', // NAME, of a message: who has written it, and when
    showMore: 'Show more', // NAME
    gone: 'This message is not available.',
    unknownType: 'This message can’t be shown here.',
    image: 'Photo',
    video: 'Video',
    audio: 'Voice message',
    file: 'File',
    openImage: 'Open photo {name}', // NAME
    openVideo: 'Open video {name}', // NAME
    previous: 'Previous', // NAME
    next: 'Next', // NAME
    download: 'Download {name}', // NAME
    play: 'Play', // NAME
    pause: 'Pause', // NAME
    seek: 'Position', // NAME
    seekValue: '{at} of {total}',
    mediaFailed: 'This file could not be loaded.',

    // Composer
    message: 'Message', // NAME
    send: 'Send', // NAME
    attach: 'Attach files', // NAME
    files: 'Files to send', // NAME
    removeFile: 'Remove {name}', // NAME
    caption: 'Add a caption', // NAME
    record: 'Record a voice message', // NAME
    recording: 'Recording {time}',
    stopRecording: 'Stop recording', // NAME
    discardRecording: 'Discard recording', // NAME
    dropHere: 'Drop files to send them',
    tooLong: 'This message is too long.',
    bytesLeft: '{n} left',
    fileTooLarge: '{name} is too large: {max} at most.',
    tooManyFiles: 'At most {n} files can be sent at once.',
    fileEmpty: '{name} is empty.',
    noFiles: 'This server takes no files.',
    micDenied: 'The microphone can’t be used. Allow it in the browser, and try again.',

    // Why something was not done: of an error's code. One that is not here is said as it comes.
    why_offline: 'The server can’t be reached. Check your connection, and try again.',
    why_internal: 'Something went wrong on the server. Try again in a moment.',
    why_rate_limited: 'That was too fast. Wait a moment, and try again.',
    why_forbidden: 'You can’t write to this wallet.',
    why_recipient_invalid: 'Nobody can be written to at this address.',
    why_mailbox_full: 'This wallet’s inbox is full. Try again after they have been online.',
    why_too_large: 'This message is too long. Send it in parts.',
    why_conflict: 'This was sent before, with something else in it. Write it anew.',
    why_unsupported_type: 'This server doesn’t take messages of this kind.',
    why_quota_exceeded: 'You’ve sent as many files as you can for now. Try again later.',
    why_upload_missing: 'The file is no longer on the server. Attach it again.',
    why_upload_mismatch: 'The file is not what it says it is.',
    why_upload_rejected: 'The file was checked, and not accepted.',
    why_signed_out: 'You’re signed out. Sign in again.',
};

export type Strings = typeof english;
/** What a page may set. */
export type AllStrings = Strings & typeof signInEnglish;

/** A sentence with its places filled. */
export function say(text: string, values: Record<string, string | number>): string {
    return text.replace(/\{(\w+)\}/g, (whole, name: string) =>
        name in values ? String(values[name]) : whole,
    );
}
