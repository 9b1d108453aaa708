export interface Question {
    readonly title: string;
    readonly text: string;
    /** What the button says that does it. */
    readonly action: string;
    readonly cancel: string;
    readonly isDangerous?: boolean;
}

export const loadDialog = () => import('./confirm');

/**
 * Asks, over the whole page. It stands in the host's shadow root, for its colours.
 *
 * @return whether the user said yes; Escape, and the ground beside the dialog, are a no
 */
export async function confirmDialog(host: HTMLElement, question: Question): Promise<boolean> {
    const { ParleyConfirm } = await loadDialog();
    return new Promise((resolve) => {
        const dialog = new ParleyConfirm();
        dialog.question = question;
        dialog.onAnswer = resolve;
        (host.shadowRoot ?? host).append(dialog);
    });
}
