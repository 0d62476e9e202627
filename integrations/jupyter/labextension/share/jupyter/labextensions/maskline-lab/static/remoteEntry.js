/* Colours the SQL of %%maskedsql cells in JupyterLab.
 *
 * JupyterLab loads extensions as containers of module federation: an object with init(scope) and
 * get(request). This one is written by hand, so there is nothing to build, and everything it uses
 * is shared by JupyterLab itself. It reads the first line of a cell, and sends nothing anywhere.
 */
(() => {
  'use strict';

  const MAGIC = /^\s*%%maskedsql\b/;
  const isMasked = text => MAGIC.test(text.slice(0, 200));

  let scope;

  // The version that JupyterLab has loaded, or else any: the editor takes no second copy.
  const shared = async name => {
    const versions = Object.values(scope[name]);
    const version = versions.find(each => each.loaded) || versions[0];
    return (await version.get())();
  };

  const load = async () => {
    const { IEditorExtensionRegistry, IEditorLanguageRegistry } =
      await shared('@jupyterlab/codemirror');
    const { Compartment, EditorState, Prec } = await shared('@codemirror/state');

    const activate = async (app, extensions, languages) => {
      const sql = (await languages.getLanguage('sql')).support;
      extensions.addExtension({
        name: 'maskline-sql',
        factory: options => {
          const language = new Compartment();
          const masked = isMasked(options.model.sharedModel.getSource());
          // A cell changes its language as its first line is typed.
          const follow = EditorState.transactionExtender.of(change => {
            if (!change.docChanged) return null;
            const now = isMasked(change.newDoc.sliceString(0, 200));
            const before = isMasked(change.startState.doc.sliceString(0, 200));
            return now === before ? null : { effects: language.reconfigure(now ? sql : []) };
          });
          return {
            instance: () => [Prec.highest(language.of(masked ? sql : [])), follow],
            reconfigure: () => null
          };
        }
      });
    };

    const plugin = {
      id: 'maskline-lab:sql',
      description: 'Colours the SQL of %%maskedsql cells.',
      autoStart: true,
      requires: [IEditorExtensionRegistry, IEditorLanguageRegistry],
      activate
    };
    return () => ({ __esModule: true, default: plugin });
  };

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB['maskline-lab'] = {
    init: given => {
      scope = given;
    },
    get: load
  };
})();
