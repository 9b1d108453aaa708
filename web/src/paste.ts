/**
 * The files to take of what is pasted. Office applications add a picture of the text that was
 * copied: then the text is meant. (A file manager adds the name alone, without HTML.)
 */
export function pastedFiles(data: Pick<DataTransfer, 'types' | 'files'>): File[] {
    const isFormattedText = ['text/plain', 'text/html'].every((type) => data.types.includes(type));
    return isFormattedText ? [] : [...data.files];
}
