const sorted = (values) => Float64Array.from(values).sort();

/** The least that so large a share of the values does not pass; NaN of none. */
export function quantile(values, share) {
    return sorted(values)[Math.max(0, Math.ceil(share * values.length) - 1)] ?? NaN;
}

/** Of an even number, between the two in the middle. */
export function median(values) {
    const all = sorted(values);
    const middle = (all.length - 1) / 2;
    return (all[Math.floor(middle)] + all[Math.ceil(middle)]) / 2;
}
