export interface Question {
    readonly title: string;
    readonly text: string;
    /** What the button says that does it. */
    readonly action: string;
    readonly cancel: string;
    readonly isDangerous?: boolean;
}

/** Asks, over the whole page. @return whether the user said yes */
export function confirmDialog(_host: HTMLElement, _question: Question): Promise<boolean> {
    throw new Error('not built yet');
}
