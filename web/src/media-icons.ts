import { svg } from 'lit';
import { icon } from './icons';

/** Of what is loaded with the first file, or voice. */
export const mediaIcons = {
    stop: icon(svg`<rect x="4.5" y="4.5" width="15" height="15" rx="2" fill="currentColor"/>`),
    bin: icon(svg`<path d="M4 7h16M9.5 7V4.5h5V7M6 7l1 13h10l1-13M10.2 11v5M13.8 11v5"/>`),
    download: icon(svg`<path d="M12 4v11M7 10.5l5 5 5-5M5 20h14"/>`),
    file: icon(
        svg`<path d="M13.5 3H7a2 2 0 0 0-2 2v14a2 2 0 0 0 2 2h10a2 2 0 0 0 2-2V8.5zM13.5 3v5.5H19"/>`,
    ),
    play: icon(svg`<path d="M8 5.5v13l10.5-6.5z" fill="currentColor"/>`),
    pause: icon(svg`<path d="M8.5 6v12M15.5 6v12" stroke-width="3"/>`),
};
