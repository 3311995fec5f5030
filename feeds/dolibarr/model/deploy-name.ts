const ACCEPTED = /^.*-\d[\d.]*(?:\s\(\d+\)\s)?\.zip$/i;

/**
 * The folder that Dolibarr's deploy page looks for in an uploaded archive, by the name of its file; null where it refuses the name.
 * The name must end in a hyphen, a digit, digits and dots, `.zip`; a browser's ` (1)` before `.zip` is dropped first.
 * https://github.com/Dolibarr/dolibarr/blob/develop/htdocs/admin/modules.php (action `install`)
 */
export function deployFolder(fileName: string): string | null {
  const base = fileName.slice(fileName.lastIndexOf('/') + 1).replace(/\s{0,20}\(\d+\)\.zip$/i, '.zip');
  if (!ACCEPTED.test(base)) return null;
  return base.replaceAll('module_', '').replace(/-\d[\d.]*\.zip$/i, '');
}
