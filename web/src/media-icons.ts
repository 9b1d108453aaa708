import { svg } from 'lit';
import { icon } from './icons';

/** Of what is loaded with the first file, or voice. */
export const mediaIcons = {
    stop: icon(svg`<rect x="7" y="7" width="10" height="10" rx="1.5"/>`),
    download: icon(svg`<path d="M12 4v11M7 10.5l5 5 5-5M5 20h14"/>`),
    file: icon(
        svg`<path d="M13.5 3H7a2 2 0 0 0-2 2v14a2 2 0 0 0 2 2h10a2 2 0 0 0 2-2V8.5zM13.5 3v5.5H19"/>`,
    ),
    play: icon(svg`<path d="M8 5.5v13l10.5-6.5z" fill="currentColor"/>`),
    pause: icon(svg`<path d="M8.5 6v12M15.5 6v12" stroke-width="3"/>`),
};
