/** What a device has of a conversation. */
export class Holder {
    began = undefined;   // when it was ready without a cursor, the last time
    above = undefined;   // and what was undelivered then: all above it
    kept = new Set();    // seqs above upto
    marks = new Map();   // "mark by": the highest that it was told
    contact = { accepted: false, blocked: false }; // as it was told

    /**
     * @param upto      so far it has all that it must have
     * @param isSeeded  it knows the marks and contacts that were before it began
     */
    constructor(upto, isSeeded) {
        Object.assign(this, { upto, isSeeded });
    }
}
