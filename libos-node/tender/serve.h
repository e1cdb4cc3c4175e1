// Serve: a server that keeps one template and makes a VM from it for every connection that asks for one.
//
// Under the process tender (--tender process, auto) a zygote forks the guests, under KVM each VM is made by a process
// that is forked from the server, which has the template's memory laid out. The template is taken from its snapshot
// file; when that is missing, damaged or bound to something else, it is booted and written first. READY on the report
// channel says that clones can be had; closing the channel ends the server, its zygote and all clones. A connection to
// --listen starts with a CLONE frame, then it is the report channel of that VM (channel.h), served by a process of its
// own.
#ifndef EBB_TENDER_SERVE_H_
#define EBB_TENDER_SERVE_H_

#include "tender/options.h"

namespace ebb::tender {

int Serve(const Options& options);

}  // namespace ebb::tender

#endif  // EBB_TENDER_SERVE_H_
