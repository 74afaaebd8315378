package service

import "os"

func obeySequences(*os.File) bool { return true }
