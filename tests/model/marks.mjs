/**
 * The marks of one side of a conversation: between which numbers they must be, by what its
 * devices have said and by what anybody was told.
 */
export const MARKS = ['delivered', 'read'];
export const none = () => ({ delivered: 0, read: 0 });

export function raise(marks, mark, seq) {
    marks[mark] = Math.max(marks[mark], seq);
    if (mark === 'read') marks.delivered = Math.max(marks.delivered, seq);
}

export const statusOf = (seq, marks) =>
    (seq <= marks.read ? 'read' : seq <= marks.delivered ? 'delivered' : 'undelivered');

/** As a conversation in an answer has them. */
export const marksOf = ({ delivered_seq: delivered, read_seq: read }) => ({ delivered, read });

export class Side {
    most = none(); // no mark can be above it
    hasAsked = false;  // for a contact, ever
    isAsking = false;  // for one that was not answered yet
    #frozen = undefined;
    least = { own: none(), peer: none() }; // what the devices of each side were told

    /** @param isShy  its marks are known to the peer once it has accepted */
    constructor(address, contacts, isShy) {
        Object.assign(this, { address, contacts, isShy });
    }

    /** No mark that the peer is told can be above it. */
    mostTold(at) {
        if (this.isShy && this.contacts.acceptedFrom > at) return none();
        return this.#frozen ?? this.most;
    }

    /** It blocks for sure from now on: the peer learns nothing more. */
    freeze() {
        this.#frozen ??= { ...this.most };
    }

    thaw() {
        this.#frozen = undefined;
    }

    mostFor(viewer, at) {
        return viewer === this.address ? this.most : this.mostTold(at);
    }

    leastFor(viewer) {
        return viewer === this.address ? this.least.own : this.least.peer;
    }
}
