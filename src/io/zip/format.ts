/**
 * The records of a zip archive, by offset.
 * https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT (4.3 and 4.5.3)
 */

export const LOCAL_SIGNATURE = 0x04034b50;
export const DESCRIPTOR_SIGNATURE = 0x08074b50;
export const CENTRAL_SIGNATURE = 0x02014b50;
export const END64_SIGNATURE = 0x06064b50;
export const LOCATOR64_SIGNATURE = 0x07064b50;
export const END_SIGNATURE = 0x06054b50;

export const LOCAL_SIZE = 30;
export const CENTRAL_SIZE = 46;
export const END64_SIZE = 56;
export const LOCATOR64_SIZE = 20;
export const END_SIZE = 22;

/** A 16- or 32-bit field with this value has its real value in a Zip64 record. */
export const MAX16 = 0xffff;
export const MAX32 = 0xffffffff;

/** The id of the extra field that holds 64-bit sizes and offsets. */
export const ZIP64_EXTRA = 0x0001;

/** The sizes and the checksum follow the data, in a data descriptor. */
export const FLAG_DESCRIPTOR = 0x0008;
/** The name is UTF-8. */
export const FLAG_UTF8 = 0x0800;
/** The two bits that tell how hard a compressor tried. */
export const FLAG_DEFLATE_LEVEL = 0b110;

export const STORED = 0;
export const DEFLATED = 8;

/** Can an entry of this name be the name of a file under the folder it is unpacked to, and of nothing else? */
export function isSafeName(name: string): boolean {
  if (name === '' || /[\\\0]/.test(name) || /^[A-Za-z]:/.test(name)) return false;
  return name.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}
