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
#define index_probe          dmheap_internal_index_probe
#define index_largest        dmheap_internal_index_largest
#define module_find          dmheap_internal_module_find
#define module_forget        dmheap_internal_module_forget
#define module_link          dmheap_internal_module_link
#define module_leave         dmheap_internal_module_leave
#define module_name_make     dmheap_internal_module_name_make
#define module_parts_release dmheap_internal_module_parts_release
#define module_register_step dmheap_internal_module_register_step
#define module_rename_step   dmheap_internal_module_rename_step
#define module_shrink_step   dmheap_internal_module_shrink_step
#define module_sweep_step    dmheap_internal_module_sweep_step
#define owner_lookup         dmheap_internal_owner_lookup
#define owner_name           dmheap_internal_owner_name
#define owner_reap           dmheap_internal_owner_reap
#define owner_release        dmheap_internal_owner_release
#define owner_retag          dmheap_internal_owner_retag
#define owner_settle         dmheap_internal_owner_settle
#define owner_suspend        dmheap_internal_owner_suspend
#define holding_of           dmheap_internal_holding_of
#define owner_take           dmheap_internal_owner_take
#define report               dmheap_internal_report
#define system_take          dmheap_internal_system_take

#endif
