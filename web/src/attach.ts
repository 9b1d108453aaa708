/** What files and voices need before they are sent: loaded when somebody has one. */
import './recording-bar';
export { whyNot } from './pick';
export { startRecording } from './recorder';
export { pickFile, pickVoice, release, trayStyles, trayTemplate } from './tray';
