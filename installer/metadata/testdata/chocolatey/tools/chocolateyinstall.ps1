$ErrorActionPreference = 'Stop'
$arguments = @{
  packageName    = $env:ChocolateyPackageName
  fileType       = 'msi'
  url64bit       = 'https://example.com/releases/2.1.0/shop-2.1.0-x64.msi'
  checksum64     = '0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef'
  checksumType64 = 'sha256'
  softwareName   = 'Acme Shop'
  silentArgs     = '/qn /norestart'
  validExitCodes = @(0, 3010, 1641)
}
Install-ChocolateyPackage @arguments
