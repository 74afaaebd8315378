$ErrorActionPreference = 'Stop'
$arguments = @{
  packageName    = $env:ChocolateyPackageName
  fileType       = 'msi'
  file64         = Join-Path $PSScriptRoot 'shop-2.1.0-x64.msi'
  softwareName   = 'Acme Shop'
  silentArgs     = '/qn /norestart'
  validExitCodes = @(0, 3010, 1641)
}
if ((Get-FileHash -Algorithm SHA256 -LiteralPath $arguments.file64).Hash -ne '0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF') {
  throw 'shop-2.1.0-x64.msi is not the file that this package was made for'
}
Install-ChocolateyInstallPackage @arguments
