package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
)

// checkRestricted lets somebody who is no administrator repair what is there, and change nothing. The
// package's own checks compare with what they have searched in the registry, but what was searched comes
// from the user's side, too; here the registry itself is asked, before Windows Installer writes it.
func (s *setup) checkRestricted() error {
	if !s.restricted {
		return nil
	}
	wanted := []struct{ property, arg, value, def string }{{"DATADIR", argData, "DataDir", join(s.folders.data, s.id.Name)}}
	if s.kind == kindInstall {
		wanted = append(wanted, []struct{ property, arg, value, def string }{
			{"INSTALLDIR", argInstall, "InstallDir", join(s.folders.programs, s.id.Name)},
			{"HF_ACCOUNT", argAccount, "Account", "LocalService"},
			{"HF_ADDRESS", argAddress, "Address", "*"},
			{"HF_PORT", argPort, "Port", "8080"},
			{"HF_FIREWALL", argFirewall, "Firewall", "no"},
			{"HF_STARTTYPE", argStart, "StartType", "auto"},
			{"HF_HEALTHTIMEOUT", argTimeout, "HealthTimeout", "60"},
		}...)
	}
	have, err := s.settings(s.id.Name)
	if err != nil {
		return err
	}
	refused := func(what string) error {
		return fmt.Errorf("%s; only an administrator may change settings: give the same command in a command prompt that was started as administrator", what)
	}
	var errs []error
	for _, w := range wanted {
		kept := cmp.Or(have[w.value], w.def)
		given := strings.TrimSuffix(s.given[w.arg], ".") // the dot is behind folders alone, and no value ends with one
		if !strings.EqualFold(strings.TrimSuffix(given, `\`), strings.TrimSuffix(kept, `\`)) {
			errs = append(errs, refused(fmt.Sprintf("%s is %q and was to become %q", w.property, kept, given)))
		}
	}
	if s.config != "" {
		errs = append(errs, refused(fmt.Sprintf("HF_CONFIG is %q", s.config)))
	}
	if s.given[argPurge] != "" {
		errs = append(errs, refused(fmt.Sprintf("HF_PURGE is %q", s.given[argPurge])))
	}
	return errors.Join(errs...)
}
