/** Files that are dragged over an element, and dropped on it. */
export class DropZone {
    readonly #onFiles: (files: File[]) => void;
    readonly #onChange: (isOver: boolean) => void;
    /** What was entered and not left yet: a row may go while one is over it, and is never left. */
    readonly #entered = new Set<EventTarget>();
    #isOver = false;

    constructor(onFiles: (files: File[]) => void, onChange: (isOver: boolean) => void) {
        this.#onFiles = onFiles;
        this.#onChange = onChange;
    }

    /** Of dragenter, dragover, dragleave and drop. */
    handle(event: DragEvent): void {
        if (!event.dataTransfer?.types.includes('Files')) return;
        event.preventDefault();
        const target = event.composedPath()[0];
        if (event.type === 'dragenter' && target) this.#entered.add(target);
        if (event.type === 'dragleave' && target) this.#entered.delete(target);
        if (event.type === 'drop') this.#drop(event.dataTransfer);
        this.#say();
    }

    #drop(data: DataTransfer): void {
        this.#entered.clear();
        const files = [...data.files];
        if (files.length > 0) this.#onFiles(files);
    }

    #say(): void {
        for (const target of this.#entered)
            if (target instanceof Node && !target.isConnected) this.#entered.delete(target);
        const isOver = this.#entered.size > 0;
        if (isOver === this.#isOver) return;
        this.#isOver = isOver;
        this.#onChange(isOver);
    }
}
