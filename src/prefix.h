/*
 * An archive cannot hide symbols, and names as plain as these would meet those of a program: outside of this library
 * each function that its files share carries the library's prefix. May not name anything else.
 */
#ifndef DMHEAP_PREFIX_H
#define DMHEAP_PREFIX_H

#define block_alignment      dmheap_internal_block_alignment
#define block_extend_forward dmheap_internal_block_extend_forward
#define block_release        dmheap_internal_block_release
#define block_resize         dmheap_internal_block_resize
#define block_set_alignment  dmheap_internal_block_set_alignment
#define block_take           dmheap_internal_block_take
#define block_usable_size    dmheap_internal_block_usable_size
#define block_locate         dmheap_internal_block_locate
#define context_add          dmheap_internal_context_add
#define context_forget       dmheap_internal_context_forget
#define context_make         dmheap_internal_context_make
#define context_plan         dmheap_internal_context_plan
#define context_registry     dmheap_internal_context_registry
#ifdef DMHEAP_GUARD
#define guarded_malloc        dmheap_internal_guarded_malloc
#define guarded_realloc       dmheap_internal_guarded_realloc
#define guarded_aligned_alloc dmheap_internal_guarded_aligned_alloc
#define guard_bytes           dmheap_internal_guard_bytes
#define guard_caller          dmheap_internal_guard_caller
#define guard_change          dmheap_internal_guard_change
#define guard_close           dmheap_internal_guard_close
#define guard_fill            dmheap_internal_guard_fill
#define guard_free_holds      dmheap_internal_guard_free_holds
#define guard_give            dmheap_internal_guard_give
#define guard_heap_begins     dmheap_internal_guard_heap_begins
#define guard_heap_ends       dmheap_internal_guard_heap_ends
#define guard_heap_made       dmheap_internal_guard_heap_made
#define guard_inspect         dmheap_internal_guard_inspect
#define guard_live_holds      dmheap_internal_guard_live_holds
#define guard_locked          dmheap_internal_guard_locked
#define guard_open            dmheap_internal_guard_open
#define guard_take            dmheap_internal_guard_take
#define guard_unlocked        dmheap_internal_guard_unlocked
#define guard_unlocking       dmheap_internal_guard_unlocking
#define guard_verify          dmheap_internal_guard_verify
#define guard_wipe            dmheap_internal_guard_wipe
#endif
#define index_probe             dmheap_internal_index_probe
#define index_largest           dmheap_internal_index_largest
#define module_find_step        dmheap_internal_module_find_step
#define module_forget_step      dmheap_internal_module_forget_step
#define module_search_step      dmheap_internal_module_search_step
#define module_leave            dmheap_internal_module_leave
#define module_name_make        dmheap_internal_module_name_make
#define module_register_step    dmheap_internal_module_register_step
#define module_rename_step      dmheap_internal_module_rename_step
#define module_shrink           dmheap_internal_module_shrink
#define module_sweep_step       dmheap_internal_module_sweep_step
#define owner_enroll            dmheap_internal_owner_enroll
#define owner_find              dmheap_internal_owner_find
#define owner_resolve           dmheap_internal_owner_resolve
#define module_in_steps         dmheap_internal_module_in_steps
#define owner_name              dmheap_internal_owner_name
#define owner_reap              dmheap_internal_owner_reap
#define owner_has_suspended     dmheap_internal_owner_has_suspended
#define owner_resume            dmheap_internal_owner_resume
#define owner_release_suspended dmheap_internal_owner_release_suspended
#define owner_release           dmheap_internal_owner_release
#define owner_retag             dmheap_internal_owner_retag
#define owner_settle            dmheap_internal_owner_settle
#define owner_suspend           dmheap_internal_owner_suspend
#define holding_of              dmheap_internal_holding_of
#define owner_take              dmheap_internal_owner_take
#define report                  dmheap_internal_report
#define system_take             dmheap_internal_system_take

#endif
