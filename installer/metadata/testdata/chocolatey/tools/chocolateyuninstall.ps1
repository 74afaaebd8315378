$ErrorActionPreference = 'Stop'
$arguments = @{
  packageName    = $env:ChocolateyPackageName
  fileType       = 'msi'
  file           = ''
  silentArgs     = '{393E6CAB-4AD6-5625-9F92-EA1A04D877B3} /qn /norestart'
  validExitCodes = @(0, 1605, 1614, 1641, 3010)
}
Uninstall-ChocolateyPackage @arguments
