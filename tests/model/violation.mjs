import { Failure } from '../e2e/lib.mjs';

const SHOWN = 50; // of what was last in a conversation

/** @param wanted  a seq, a token, or what it is that happened */
const isAbout = ({ what, seq, message, ask }, wanted) => wanted !== undefined &&
    [what, seq ?? message?.seq ?? ask?.send?.seq, ask?.send?.token].includes(wanted);

/** The last entries, and before them those that it is about. */
function shown(log, about) {
    const rest = log.slice(0, -SHOWN).filter((entry) => isAbout(entry, about));
    return [...rest, ...log.slice(-SHOWN)].map((entry) => `\n    ${describe(entry)}`).join('');
}

/** Something that must never be. `kind` says which of the rules it breaks. */
export class Violation extends Failure {
    /**
     * @param where  the conversation
     * @param log    of it
     * @param about  the seq or token of a message, or what happened in an entry
     */
    constructor(kind, what, { where, log = [], about } = {}) {
        super(`${kind}: ${what}${where ? ` (${where})` : ''}${shown(log, about)}`);
        this.kind = kind;
    }
}

const WORDS = 70;

const words = (value) => {
    const text = JSON.stringify(value) ?? '';
    return text.length > WORDS ? `${text.slice(0, WORDS)}…` : text;
};

const MORE = {
    dial: ({ isRecovering, must }) => `${isRecovering ? 'by cursor' : 'anew'}` +
        `${must?.length ? `, must get ${must.map(({ event, seq }) => `${event} ${seq}`)}` : ''}`,
    new: ({ message }) => `seq ${message.seq} ${message.status} ${words(message.content)}`,
    ack: ({ seq }) => `seq ${seq}`,
    receipt: ({ mark, by, seq }) => `${mark} by ${by} ${seq}`,
    changed: ({ conversation: c }) => `accepted ${c.accepted}, blocked ${c.blocked}`,
    ask: ({ ask }) => `${ask.event} ${words(ask.payload)}`,
    answer: ({ ask, answer }) => `${ask.event} asked at ${ask.from}: ` +
        `${answer.error?.code ?? words(answer.message?.seq ?? answer.seq ?? answer.status)}`,
};

/** One line for one entry of a log. */
export function describe(entry) {
    const { at, step, what, who } = entry;
    return `step ${step} at ${at} ${who}: ${what} ${MORE[what]?.(entry) ?? ''}`.trimEnd();
}
